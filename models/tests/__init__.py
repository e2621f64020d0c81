"""Unit tests; run with: /usr/bin/python3 -m unittest discover models"""
