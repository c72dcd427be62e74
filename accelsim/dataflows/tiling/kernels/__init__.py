"""Compiled searches of tilings, of loop orders and of what is kept where; imported when a layer is mapped."""
