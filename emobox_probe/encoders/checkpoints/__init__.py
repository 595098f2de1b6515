"""From the files of a published model to what the library loads: safetensors, whatever they were published as."""
