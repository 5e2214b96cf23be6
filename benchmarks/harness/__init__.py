"""What every benchmark needs: the stub server, processes, rounds, gauges, and the tables of results."""
