"""What named lists hold: values as they are typed and imported, in memory for decisions, and as they were at one.

`texts` reads and writes them and is pure; `memory` holds them in each process; `stored` asks the rows.
"""
