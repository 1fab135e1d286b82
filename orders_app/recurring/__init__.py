"""When recurring actions are due, and what becomes of what is. Pure: plain data and a clock in, a named result out."""
