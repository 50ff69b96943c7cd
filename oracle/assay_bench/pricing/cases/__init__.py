"""Real cases: a deployed model of others, sellers of many kinds, and each seller's true gain by retraining.

A, ``writers``: a robust digit classifier is offered digits of other writers. B, ``census``: an income classifier is
offered another population. C, ``news``: a topic classifier is offered more articles. D, ``icons``: an icon classifier
is offered icons in another style. E, ``employment``: a classifier of the year 2015 is offered people of 2018. F,
``bikes``: a regression of the cold half of the year is offered the warm half.
"""

CASES = {"writers": "A", "census": "B", "news": "C", "icons": "D", "employment": "E", "bikes": "F"}
