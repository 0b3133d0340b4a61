"""The sample exports of a company that does not exist, written in the providers' own formats.

Shares no code with the program that reads them: an error on one side must not hide on the other.
"""
