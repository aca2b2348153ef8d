"""Runs under Prefect. Older deployments name the flow as `flows.pipeline.pipeline`."""

from flows.pipeline.flow import pipeline as pipeline
