"""Real cases: a deployed model of others, sellers of seven to nine kinds, and each seller's true gain by retraining.

A, ``writers``: a robust digit classifier is offered digits of other writers. B, ``census``: an income classifier is
offered another population. C, ``news``: a topic classifier is offered more articles. D, ``icons``: an icon classifier
is offered icons in another style.
"""

CASES = {"writers": "A", "census": "B", "news": "C", "icons": "D"}
