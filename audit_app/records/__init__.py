"""What an audit record may say, which totals it adds to, and the hash that seals it. Pure."""
