"""What a run does next. Pure: state and a clock in, a move out; services/turns.py carries it out."""
