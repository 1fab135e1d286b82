import gc

# What is made while modules load stays: looking for garbage every 700 objects takes a sixth of each start.
gc.set_threshold(20_000)
