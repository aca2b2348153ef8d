"""The API's resources, as the emulator serves them."""
