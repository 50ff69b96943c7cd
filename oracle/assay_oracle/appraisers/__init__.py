"""Who prices: each module is an ``Appraiser`` for the services, chosen where the daemon is put together."""
