"""How compact a network is: parameters, activations, MACs, memory and reuse, from shapes alone."""

from accelsim.compactness.counts import CONVENTIONS, Compactness, Convention, compactness, count
from accelsim.compactness.operation import Operation
from accelsim.compactness.operations import Network, network, operations

__all__ = [
    "CONVENTIONS",
    "Compactness",
    "Convention",
    "Network",
    "Operation",
    "compactness",
    "count",
    "network",
    "operations",
]
