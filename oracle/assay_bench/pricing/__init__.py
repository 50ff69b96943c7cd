"""The pricing benchmark: every method's price against retraining of the true model.

A unit of work is a part, data set, setting, seed and scorer. ``plan`` lists the units, ``run`` computes them with
``parts`` and stores each result in ``cache``, so that an interrupted run can be resumed. ``data`` draws the owner and
the offers, ``truth`` retrains the true model, ``scorers`` holds what is compared, ``cases`` the real cases, and
``reporting`` turns results into figures, a summary and a page.
"""
