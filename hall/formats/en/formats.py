"""How English pages write dates and times: day before month, twenty-four hours, weeks from Monday.

Django's own English is American. What it reads back (the input formats) takes no number for a month where a day could
be meant.
"""

DATE_FORMAT = "j M Y"  # 5 Sep 2016
TIME_FORMAT = "H:i"  # 20:45
DATETIME_FORMAT = "j M Y, H:i"  # 5 Sep 2016, 20:45
YEAR_MONTH_FORMAT = "F Y"  # September 2016
MONTH_DAY_FORMAT = "j M"  # 5 Sep
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
FIRST_DAY_OF_WEEK = 1

DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d %b %Y", "%d %B %Y"]
TIME_INPUT_FORMATS = ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f"]
DATETIME_INPUT_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M"]
