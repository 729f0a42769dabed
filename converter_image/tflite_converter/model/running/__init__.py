"""Running SavedModels in TensorFlow."""
