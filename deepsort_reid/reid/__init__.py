"""Person re-identification: models, data, training, evaluation, export and person search."""
