"""What stands beside orders, all of it at once, on two hosts whose processes are killed: `python -m bench.areas`."""
