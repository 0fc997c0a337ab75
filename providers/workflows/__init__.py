"""ComfyUI graphs: reading them, filling them in, checking them. Knows no Django."""
