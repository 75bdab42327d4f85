"""What `bench/reading.py` is made of: the data, the tasks, the peers, the run and its report."""
