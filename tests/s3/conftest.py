"""The servers, for the tests of files."""

from s3_servers import aws, moto_place, own_disk_server, s3_servers

__all__ = ["aws", "moto_place", "own_disk_server", "s3_servers"]
