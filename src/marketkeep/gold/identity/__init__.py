"""Who a ticker is: what directories of many days, the SEC and users tell, as the two reference tables."""

from marketkeep.gold.identity.events import DELISTING_FORMS
from marketkeep.gold.identity.sightings import sightings, together
from marketkeep.gold.identity.tables import Told, reference

__all__ = ["DELISTING_FORMS", "Told", "reference", "sightings", "together"]
