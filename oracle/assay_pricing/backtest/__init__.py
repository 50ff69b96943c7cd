"""Tests of a price function before any seller comes: parts of the owner's records are held out and priced as offers."""
