"""Who a ticker is: what directories of many days, the SEC and users tell, as the reference tables."""

from marketkeep.gold.identity.events import DELISTING_FORMS
from marketkeep.gold.identity.sightings import sightings, together
from marketkeep.gold.identity.tables import Identity, Told, identify, reference
from marketkeep.gold.identity.tickers import known_by

__all__ = ["DELISTING_FORMS", "Identity", "Told", "identify", "known_by", "reference", "sightings", "together"]
