"""The engines that fold a whole log. Each is a file; `engine.py` says what one must do."""
