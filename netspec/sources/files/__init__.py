"""Pictures and sounds as data: files in folders and archives, their classes and parts."""
