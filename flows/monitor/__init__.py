"""Health, the doctor, and notifications."""
