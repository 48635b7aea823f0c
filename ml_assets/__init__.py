"""Predictions as functions over frames: features, scoring, evaluation, baselines, registry.

What does not belong here: assets, schedules and writing to the warehouse; nothing in this package
imports the orchestrator or reads the wall clock.
"""
