"""What happened in a scored sequence: events, causes of switches, intervals."""
