"""Real cases: a deployed model that is not ours, sellers of seven kinds, and the true gain of each by retraining.

``writers`` A: a robust digit reader offered other writers' digits. ``census`` B: income of another population. ``news``
C: a news desk's topics. ``icons`` D: an icon sorter across art styles.
"""

CASES = {"writers": "A", "census": "B", "news": "C", "icons": "D"}
