"""`oms doctor`: is a running deployment well?"""
