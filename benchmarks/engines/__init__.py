"""Parts of ``benchmarks/network.py``: the networks, the libraries, the processes, the measuring."""
