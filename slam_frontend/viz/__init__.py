"""Pictures of images and paths; the page about runs is in report/, what they look like in space in space/, windows in
windows/."""
