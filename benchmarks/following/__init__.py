"""Many payments followed at once: what a look costs, how late its loop wakes, how much memory a payment takes."""
