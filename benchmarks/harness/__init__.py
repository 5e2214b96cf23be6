"""What every benchmark needs: the stub server, processes of their own, rounds in turns, gauges."""
