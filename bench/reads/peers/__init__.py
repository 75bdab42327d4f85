"""The peers: each loads the market its own best way and answers the tasks."""
