"""The groups of the catalog, numbered in the order in which files travel."""

CAMPAIGNS_IN_DAM = "1_campaigns_in_dam"
MASTERS_IN_BOX = "2_masters_in_box"
FINALS_OF_AGENCY = "3_finals_of_agency"
FINALS_IN_DAM = "4_finals_in_dam"
TRACKING = "5_tracking"
REPORTS = "6_reports"
