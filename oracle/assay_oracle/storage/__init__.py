"""Where uploads and deliveries are stored, encrypted, and where data is decrypted for a moment."""
