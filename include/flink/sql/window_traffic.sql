create temporary function window_traffic as 'ecomm.flink.WindowTraffic'
