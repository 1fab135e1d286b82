"""Recurring actions: making and changing them, firing what is due, making up for what is over."""
