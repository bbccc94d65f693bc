"""CaffeineCache and cached."""
