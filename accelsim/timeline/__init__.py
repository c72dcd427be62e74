"""What a run does over time: trace events for Perfetto, and the requests that its DRAM sees."""

from accelsim.timeline.requests import check_requests, write_requests
from accelsim.timeline.write import write_timeline

__all__ = ["check_requests", "write_requests", "write_timeline"]
