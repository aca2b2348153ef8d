"""The API's resources that the emulator serves."""
