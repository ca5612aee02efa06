"""Lightning callbacks: when to save, how to show."""
