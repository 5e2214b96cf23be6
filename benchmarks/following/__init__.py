"""Many payments followed at the same time: CPU per poll, lag of the loop, memory per payment, and delays."""
