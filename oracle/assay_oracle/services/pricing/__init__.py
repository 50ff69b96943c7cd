"""What an offer is priced with, and when: the turns of offers, and the sold records that count."""
