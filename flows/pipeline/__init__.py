"""A run under Prefect. Deployments made before name the flow as `flows.pipeline.pipeline`."""

from flows.pipeline.flow import pipeline as pipeline
