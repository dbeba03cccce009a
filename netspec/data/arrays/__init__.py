"""Arrays that people bring, in memory or in files, in the form that a network takes."""
