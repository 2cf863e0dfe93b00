"""Objectives: how one recipe is trained and measured."""
