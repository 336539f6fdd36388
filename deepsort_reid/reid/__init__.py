"""Learn, measure and use the appearance of people; no module here knows of tracking."""
