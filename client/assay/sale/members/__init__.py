"""What a party asks of one oracle, or of the members of a committee, whose answers it joins."""
