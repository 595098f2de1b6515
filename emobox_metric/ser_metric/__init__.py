"""The metric as it stands in its Hub Space: one folder, loadable by path, by name, or as a package."""
